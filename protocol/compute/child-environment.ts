/**
 * Environment that every compute server gets. glibc raises the size from which a block has pages of its own up to 32 MB as blocks
 * are freed, so what opening a model needed for a moment stays as holes in the heap: 1.62 GB instead of 1.52 of 0.64 GB in
 * bfloat16 (glibc 2.41, 2026-11). Another C library ignores it.
 */
export const serverEnvironment: Readonly<Record<string, string>> = { MALLOC_MMAP_THRESHOLD_: '1048576' };
