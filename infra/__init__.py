"""What runs the domain: the history, the command pipeline, projections, identity, settings, the command line."""
