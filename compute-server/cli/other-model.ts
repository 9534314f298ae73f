/** Models without a config.json that a path on the command line may name. */
import { basename } from 'node:path';
import type { AdapterBase } from '../../models/formats/adapter/describe-adapter';
import { baseNameOf } from '../../models/formats/read-adapter';
import { readGgufModel } from '../../models/formats/gguf/other-gguf';
import { namedGguf } from '../../models/formats/gguf/parts';
import { readModelFolder } from '../../models/formats/model-folder';
import type { OtherModel } from '../../models/formats/other-model';
import { findOther, folderOfBase, otherKind, readOther } from '../../models/formats/read-other';
import { CommandError, exitCodes, wrongUsage } from './exit-codes';

/** Undefined for a folder with a config.json, or a config file. `file` is what is read: another file if a link was named. */
export async function otherModelAt(
  path: string,
  base?: string,
): Promise<{ readonly path: string; readonly file: string; readonly model: OtherModel } | undefined> {
  const found = await findOther(path);
  if (found.kind === 'config') return undefined;
  if (found.kind === 'several') throw wrongUsage(found.message);
  const isAdapter = otherKind(found.path) === 'adapter';
  if (base !== undefined && !isAdapter) throw wrongUsage(`--base is for adapters, and ${path} is none.`);
  const isGguf = otherKind(found.path) === 'gguf';
  // A link in a folder that was named is not followed out of it.
  const file = isGguf && found.path === path ? await namedGguf(path) : found.path;
  const read = isGguf
    ? await readGgufModel(file)
    : await readOther(found.path, isAdapter ? await baseOf(found.path, base) : undefined);
  if (!read.ok) throw new CommandError(exitCodes.failed, `${found.path}: ${read.message}`);
  return { path: found.path, file, model: read.model };
}

async function baseOf(path: string, given: string | undefined): Promise<AdapterBase | undefined> {
  const name = await baseNameOf(path);
  const folder = given ?? (name === undefined ? undefined : folderOfBase(path, name));
  const read = folder === undefined ? undefined : await readModelFolder(folder);
  if (read?.ok === true) return { label: basename(read.folder), description: read.model };
  if (given !== undefined && read !== undefined) throw new CommandError(exitCodes.failed, `--base: ${read.message}`);
  return undefined;
}
