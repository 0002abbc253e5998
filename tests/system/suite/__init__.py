"""The system tests' own parts: what a test is, where it runs, how outcomes are told."""
