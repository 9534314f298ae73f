/** Looks for what a device needs here. It fetches nothing. */
import type { SetupDevice, SetupReport } from '../../protocol/compute/setup';
import { runtimePackage } from '../runtime/load';
import { binariesOf } from '../runtime/runtime-folder';
import type { Surroundings } from '../surroundings';
import { cudaParts, libraryPlaces } from './cuda-parts';
import { probe } from './devices';

/** By what the binaries of onnxruntime-node 1.30.0 hold: DirectML.dll beside those of Windows, Core ML in those of macOS. */
const needs: Readonly<Record<SetupDevice, string>> = {
  cuda: 'CUDA is for NVIDIA cards on Linux x64 and Windows x64: it needs the driver, CUDA 12, cuDNN 9 and the provider library of onnxruntime, of which Headscope brings none.',
  dml: 'DirectML is for Windows 10 (version 1903) and later: it needs a graphics driver for Direct3D 12, and its library comes with Headscope.',
  coreml: 'Core ML is for macOS on Apple silicon: it is part of the system, and nothing has to be installed.',
};

export async function setupOf(
  device: SetupDevice,
  surroundings: Surroundings,
  signal: AbortSignal,
): Promise<SetupReport> {
  const runtime = binariesOf(await runtimePackage());
  const parts = device === 'cuda' ? cudaParts(await libraryPlaces(runtime, process.env), process.platform) : undefined;
  return { found: await probe(device, surroundings, signal), needs: needs[device], parts: parts ?? [], runtime };
}
