/**
 * A folder with another package of onnxruntime-node, such as one whose installation fetched the libraries of CUDA, which
 * Headscope does not bring along: the folder of the package itself, or one where it was installed.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FailureError } from '../../protocol/wire/failures';

export const packageName = 'onnxruntime-node';

/** Version of the runtime that Headscope is built and tested with. */
export const pinnedRuntime = '1.30.0';

/** Names such a folder; from `headscope.compute.runtimeFolder` in the editor. */
export const runtimeVariable = 'HEADSCOPE_RUNTIME';

/** The folder of the package, or a failure that says what is wrong with it. */
export async function packageIn(folder: string): Promise<string> {
  for (const at of [folder, join(folder, 'node_modules', packageName)]) {
    const found = await packageAt(at);
    if (found?.name !== packageName) continue;
    if (found.version === pinnedRuntime) return at;
    throw unusable(
      folder,
      `holds onnxruntime-node ${found.version}, and this Headscope runs ${pinnedRuntime}. Install onnxruntime-node@${pinnedRuntime} there`,
    );
  }
  throw unusable(folder, `holds no package onnxruntime-node. Install onnxruntime-node@${pinnedRuntime} there`);
}

const unusable = (folder: string, why: string): FailureError =>
  new FailureError({
    code: 'compute-unavailable',
    detail: `the runtime folder ${folder} ${why}, or empty headscope.compute.runtimeFolder (in a terminal ${runtimeVariable}).`,
  });

/** The package is there, and what it loads is not, or is of another system. */
export function withoutLibrary(packageFolder: string, error: unknown): FailureError {
  const [line = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
  return unusable(
    packageFolder,
    `lacks its library for ${process.platform}-${process.arch} (${line.slice(0, 200).replace(/[.!]$/, '')}). Install onnxruntime-node@${pinnedRuntime} there`,
  );
}

async function packageAt(folder: string): Promise<{ readonly name: unknown; readonly version: string } | undefined> {
  try {
    const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return { name, version: String(version) };
  } catch {
    return undefined;
  }
}

/** Where the native libraries of a package lie. */
export const binariesOf = (packageFolder: string): string =>
  join(packageFolder, 'bin', 'napi-v6', process.platform, process.arch);
