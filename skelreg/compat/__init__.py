"""What MMEngine gets wrong on today's torch, mended in one place."""
