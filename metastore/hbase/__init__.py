"""The engine on HBase: happybase for what Thrift 1 can do, Thrift 2 for the rest."""
