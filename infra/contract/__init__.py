"""The contract of the event streams, derived from the declarations: what whoever follows them may rely on.

It tells nothing of a company, only of this software, so it may be read by anybody.
"""
