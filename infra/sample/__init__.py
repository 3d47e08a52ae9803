"""The sample company: two years of an invented supplier, made by a seeded generator and loaded through commands."""

from infra.sample.loading import Loaded, SampleRefused, load

__all__ = ["Loaded", "SampleRefused", "load"]
