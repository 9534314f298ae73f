import { dirname } from 'node:path';
import { readSmallJson } from './model-folder';
import type { ReadOther } from './other-model';
import { resolveInside } from './containment';
import { readSafetensorsHeader } from './safetensors/read-header';
import { readAdapterConfig } from './adapter/adapter-config';
import type { AdapterBase } from './adapter/describe-adapter';
import { describeAdapter } from './adapter/describe-adapter';

export const adapterFile = 'adapter_config.json';
export const adapterWeights = 'adapter_model.safetensors';

/** The name of the base model as the adapter gives it; undefined where there is no adapter. */
export async function baseNameOf(path: string): Promise<string | undefined> {
  const object = await readSmallJson(dirname(path), adapterFile);
  return object === undefined ? undefined : readAdapterConfig(object)?.baseModel;
}

/** What an adapter adds to its base model, from its configuration and the header of its weights. `path`: its adapter_config.json. */
export async function readAdapter(path: string, base?: AdapterBase): Promise<ReadOther> {
  const folder = dirname(path);
  const object = await readSmallJson(folder, adapterFile);
  const config = object === undefined ? undefined : readAdapterConfig(object);
  if (config === undefined) {
    return { ok: false, message: `${adapterFile} describes no adapter: it has neither a peft_type nor a rank r.` };
  }
  const place = await resolveInside(folder, adapterWeights);
  const read = place.ok ? await readSafetensorsHeader(place.path) : undefined;
  const header = read?.ok === true ? read.header : undefined;
  const notes = [
    ...(read?.ok === false ? [`${adapterWeights}: ${read.message}`] : []),
    ...(header?.problems.map(({ message }) => `${adapterWeights}: ${message}`) ?? []),
    ...(place.ok ? [] : [`There is no ${adapterWeights} beside it, so its weights are not counted from a header.`]),
  ];
  const described = describeAdapter(config, header?.tensors ?? [], base);
  return {
    ok: true,
    model: { ...described, notes: [...notes, ...described.notes], bytesRead: header?.bytesRead ?? 0 },
  };
}
