/** Names of kernel files. */

export const kernelEnding = '.headscope-kernel.ts';

/** Of the description of an ONNX file that is a kernel. */
export const kernelDescriptionEnding = '.headscope-kernel.json';

/** The name of a kernel file among mechanisms: `own:` and the file's name without its ending. */
export const ownKernelName = (file: string): string =>
  `own:${(file.split(/[\\/]/u).at(-1) ?? file).replace(kernelEnding, '').replace(kernelDescriptionEnding, '')}`;
