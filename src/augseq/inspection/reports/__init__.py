"""Measure and explain: profiles, statistics, purity, and how a sample was made."""
