import { catalogue } from '../../kernels/catalogue';
import type { Mechanism } from '../../kernels/mechanism';
import type { KernelOfWorkspace } from '../../protocol/results/benchmark-schema';
import { kernelDescriptionEnding } from '../../protocol/inputs/kernel-file';
import { openOnnxKernel } from '../own-kernels/onnx-kernel';
import { openOwnKernel, type OwnKernel } from '../own-kernels/own-mechanism';

const own = new Map<string, OwnKernel>();

/** Names of kernel files begin with this. */
export const isOwn = (id: string): boolean => id.startsWith('own:');

/** Throws a RangeError that names what exists. */
export function mechanismOf(id: string): Mechanism {
  const found = own.get(id)?.mechanism ?? catalogue.find((mechanism) => mechanism.id === id);
  if (!found) {
    throw new RangeError(`there is no mechanism "${id}"; choose from ${catalogue.map((each) => each.id).join(', ')}`);
  }
  return found;
}

/** Opens kernel files anew, so that `mechanismOf` knows them. Throws a KernelFault. */
export async function openOwnKernels(kernels: readonly KernelOfWorkspace[]): Promise<readonly OwnKernel[]> {
  const opened: OwnKernel[] = [];
  for (const { id, file, root } of kernels) {
    await own.get(id)?.rest();
    own.delete(id);
    const open = file.endsWith(kernelDescriptionEnding) ? openOnnxKernel : openOwnKernel;
    const kernel = await open(id, file, root);
    own.set(id, kernel);
    opened.push(kernel);
  }
  return opened;
}
