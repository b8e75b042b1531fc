"""A planet: one page with the latest entries of many feeds, as a Django app."""
