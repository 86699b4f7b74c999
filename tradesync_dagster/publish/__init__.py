"""Publishing: snapshots for front ends and notifications. Reads nothing but what it is given."""
