"""Arrays and what computes on them: devices, random numbers, matrix products, threads, memory, atomic files."""
