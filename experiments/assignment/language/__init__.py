"""The rule language that the SDKs of the GrowthBook family share, evaluated in Python.

`definitions.Definitions` compiles a published payload once; `features.evaluate` and
`experiments.run` then only read. Nothing here writes, waits or raises on bad input: a
part of a payload that cannot be read is skipped.
"""
