"""Evidence: the history as files, each with a manifest, that prove by themselves what was recorded.

A file holds every column that is hashed, the hash, and the state byte for byte, so that whoever has it needs neither a
database nor Daybook to compute the chain again: docs/history-format.md says how. What is personal stays sealed in it,
so that forgetting a person, which destroys the key, reaches every file that was ever made.
"""
