export const captureSuffix = '.headscope-capture.json';

/** Whether a path or an address names the description of captured tensors. */
export const isCapture = (path: string): boolean => path.endsWith(captureSuffix);
