/**
 * Loads onnxruntime-node with its telemetry off. Nothing else of Headscope imports the package.
 *
 * Facts of its builds for Linux and macOS, 1.30.0 (2026-11-26): with the first session the library reads /etc/machine-id,
 * writes an identifier and a database to ~/.cache/Microsoft/DeveloperTools/.onnxruntime and a log to the temporary folder; after
 * some nine seconds it calls mobile.events.data.microsoft.com. ORT_DISABLE_TELEMETRY=1, read when it initialises, stops all of
 * that. The build for Windows hands events to the system's tracing (ETW), which records them only for a session that asks.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import type * as Runtime from 'onnxruntime-node';
import { packageIn, packageName, runtimeVariable, withoutLibrary } from './runtime-folder';

let loading: Promise<typeof Runtime> | undefined;

/** Loading the native library takes about 60 ms: it waits for the first graph, so that the server is ready before it. */
export const loadRuntime = (): Promise<typeof Runtime> => (loading ??= loadQuietly());

async function loadQuietly(): Promise<typeof Runtime> {
  // What a worker thread writes to process.env reaches its own copy, not the environment that the library reads.
  if (!isMainThread)
    throw new Error('onnxruntime is not loaded in a worker thread, where its telemetry cannot be turned off.');
  const folder = process.env[runtimeVariable];
  if (folder) return loadFrom(await packageIn(folder));
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  return import('onnxruntime-node');
}

function loadFrom(packageFolder: string): typeof Runtime {
  process.env['ORT_DISABLE_TELEMETRY'] = '1';
  try {
    return createRequire(join(packageFolder, 'package.json'))(packageFolder) as typeof Runtime;
  } catch (error) {
    throw withoutLibrary(packageFolder, error);
  }
}

/** The folder of the package that is loaded. */
export async function runtimePackage(): Promise<string> {
  const folder = process.env[runtimeVariable];
  return folder ? packageIn(folder) : dirname(dirname(require.resolve(packageName)));
}
