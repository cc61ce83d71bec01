"""Access policies in AWS's policy language: read, compiled once, and evaluated for requests. Pure.

`document.parse` reads and validates, `compiled.compile` makes a Policy of what was read, and
`public.is_public` tells whether it lets in everyone. `applicability.check` is for new ones only.
"""
