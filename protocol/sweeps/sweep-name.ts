/** Whether a path or an address names the file of a sweep: `*.headscope-sweep.yaml` or `.yml`. */
export const isSweep = (path: string): boolean => /\.headscope-sweep\.ya?ml$/u.test(path);
