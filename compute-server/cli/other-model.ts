/** Models without a config.json that a path on the command line may name. */
import { basename } from 'node:path';
import type { AdapterBase } from '../../models/formats/adapter/describe-adapter';
import { baseNameOf } from '../../models/formats/adapter/read-adapter';
import { readModelFolder } from '../../models/formats/model-folder';
import type { OtherModel } from '../../models/formats/other-model';
import { baseFolders, findOther, readOther } from '../../models/formats/read-other';
import { CommandError, exitCodes, wrongUsage } from './exit-codes';

/** Undefined for a folder with a config.json, or a config file. */
export async function otherModelAt(
  path: string,
): Promise<{ readonly path: string; readonly model: OtherModel } | undefined> {
  const found = await findOther(path);
  if (found.kind === 'config') return undefined;
  if (found.kind === 'several') throw wrongUsage(found.message);
  const base = found.path.endsWith('.json') ? await baseOf(found.path) : undefined;
  const read = await readOther(found.path, base);
  if (!read.ok) throw new CommandError(exitCodes.failed, `${found.path}: ${read.message}`);
  return { path: found.path, model: read.model };
}

async function baseOf(path: string): Promise<AdapterBase | undefined> {
  const name = await baseNameOf(path);
  for (const folder of name === undefined ? [] : baseFolders(path, name)) {
    const read = await readModelFolder(folder);
    if (read.ok) return { label: basename(read.folder), description: read.model };
  }
  return undefined;
}
