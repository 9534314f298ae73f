/** A run of a module of the kernel catalogue: what is asked, what is measured, as it is saved and printed. */
