"""Playing stories: TOML files that say who does what when, against the real engine in virtual time.

For training, for trying a changed programme before it goes live, and for the product's own acceptance tests.
"""
