/**
 * What a run on an NVIDIA GPU is made of, and which of it is there: the driver, the runtime libraries of CUDA 12, cuDNN 9 and
 * the provider library of onnxruntime, by the names that onnxruntime-node 1.30.0 loads them by.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import type { SetupPart } from '../../protocol/compute/setup';

export interface LibraryPlaces {
  /** Folders that are searched. */
  readonly folders: readonly string[];
  /** Names that the system's loader knows without a folder. */
  readonly known: ReadonlySet<string>;
  /** The folder of the native libraries of onnxruntime. */
  readonly runtime: string;
}

type Named = Omit<SetupPart, 'missing'> & { readonly beside?: true };

const fetchProvider =
  'In an empty folder run `npm install onnxruntime-node@1.30.0`, which fetches it from nuget.org (about 200 MB), or copy such a folder from another machine; then name the folder in headscope.compute.runtimeFolder, in a terminal in HEADSCOPE_RUNTIME.';

const parts: Readonly<Partial<Record<NodeJS.Platform, readonly Named[]>>> = {
  linux: [
    {
      title: 'Driver',
      libraries: ['libcuda.so.1'],
      next: 'Install the NVIDIA driver of your distribution; inside a container, start it with the GPU passed through.',
    },
    {
      title: 'CUDA 12',
      libraries: ['libcudart.so.12', 'libcublas.so.12', 'libcublasLt.so.12', 'libcufft.so.11', 'libcurand.so.10'],
      next: 'Install the runtime libraries of CUDA 12 (developer.nvidia.com/cuda-downloads), and add their folder to LD_LIBRARY_PATH if they stay unfound.',
    },
    {
      title: 'cuDNN 9',
      libraries: ['libcudnn.so.9'],
      next: 'Install cuDNN 9 for CUDA 12 (developer.nvidia.com/cudnn-downloads).',
    },
    {
      title: 'Provider library',
      libraries: ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'],
      next: fetchProvider,
      beside: true,
    },
  ],
  win32: [
    { title: 'Driver', libraries: ['nvcuda.dll'], next: 'Install the NVIDIA driver.' },
    {
      title: 'CUDA 12',
      libraries: ['cudart64_12.dll', 'cublas64_12.dll', 'cublasLt64_12.dll', 'cufft64_11.dll'],
      next: 'Install CUDA 12 (developer.nvidia.com/cuda-downloads), which adds its folder to PATH.',
    },
    {
      title: 'cuDNN 9',
      libraries: ['cudnn64_9.dll'],
      next: 'Install cuDNN 9 for CUDA 12 (developer.nvidia.com/cudnn-downloads) and add its folder to PATH.',
    },
    {
      title: 'Provider library',
      libraries: ['onnxruntime_providers_shared.dll', 'onnxruntime_providers_cuda.dll'],
      next: 'The package for Windows has none: copy it from Microsoft.ML.OnnxRuntime.Gpu.Windows 1.30.0 (nuget.org) into a runtime folder, and name that in headscope.compute.runtimeFolder. The devices dml and webgpu need nothing of this.',
      beside: true,
    },
  ],
};

/** Undefined where CUDA does not exist. */
export function cudaParts(places: LibraryPlaces, platform: NodeJS.Platform): readonly SetupPart[] | undefined {
  return parts[platform]?.map(({ beside, ...part }) => {
    const folders = beside ? [places.runtime] : places.folders;
    const found = (library: string): boolean =>
      (!beside && places.known.has(library)) || folders.some((folder) => existsSync(join(folder, library)));
    return { ...part, missing: part.libraries.filter((library) => !found(library)) };
  });
}

/** Where the system's loader looks. */
export async function libraryPlaces(runtime: string, environment: NodeJS.ProcessEnv): Promise<LibraryPlaces> {
  const windows = process.platform === 'win32';
  const path = environment[windows ? 'PATH' : 'LD_LIBRARY_PATH'] ?? '';
  const usual = windows
    ? [join(environment['SystemRoot'] ?? 'C:\\Windows', 'System32')]
    : ['/usr/local/cuda/lib64', '/usr/lib/x86_64-linux-gnu', '/usr/lib/wsl/lib'];
  return {
    folders: [...path.split(delimiter).filter((folder) => folder !== ''), ...usual],
    known: windows ? new Set() : await knownToLoader(),
    runtime,
  };
}

/** The libraries of `ldconfig`; none where there is no such program. */
async function knownToLoader(): Promise<ReadonlySet<string>> {
  for (const program of ['ldconfig', '/sbin/ldconfig']) {
    try {
      const { stdout } = await promisify(execFile)(program, ['-p'], { maxBuffer: 2 ** 24 });
      return new Set(stdout.split('\n').flatMap((line) => /^\s+(\S+) \(/.exec(line)?.[1] ?? []));
    } catch {
      // The next place, then none.
    }
  }
  return new Set();
}
