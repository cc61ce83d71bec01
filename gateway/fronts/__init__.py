"""Fronts: what turns bytes of connections into Requests, and Responses into bytes.

`bare` serves the S3 port: parser, connection and nothing between them and the pipeline. `reference`
is aiohttp's server behind the same seam: it serves the admin port, and every test of a front holds
both to the same answers.
"""
