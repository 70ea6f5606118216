"""The key worker: whom they work for, where, how much they can carry, and what they carry now."""
