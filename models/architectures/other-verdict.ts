/** Whether a model without a config.json can be run: a GGUF file, a graph, an adapter. */
import { basename, dirname } from 'node:path';
import { readAdapterConfig, unreadAdapter } from '../formats/adapter/adapter-config';
import { readModelFolder, readSmallJson } from '../formats/model-folder';
import type { OtherModel } from '../formats/other-model';
import { folderOfBase } from '../formats/read-other';
import { runnable } from './catalogue';
import { runnableGguf } from './gguf-verdict';

/** True, or one sentence that says why not. Reads headers only. */
export async function runnableOther(kind: OtherModel['kind'], path: string): Promise<true | string> {
  switch (kind) {
    case 'gguf':
      return runnableGguf(path);
    case 'onnx':
      return 'A graph without a config.json is read but not run: put the config.json of the model beside it.';
    case 'adapter':
      return runnableAdapter(path);
  }
}

async function runnableAdapter(path: string): Promise<true | string> {
  const object = await readSmallJson(dirname(path), basename(path));
  const config = object && readAdapterConfig(object);
  if (!config) return 'The file describes no adapter.';
  const unread = unreadAdapter(config);
  if (unread !== undefined) return unread;
  if (config.baseModel === undefined) return 'It names no base model: write its name into base_model_name_or_path.';
  const folder = folderOfBase(path, config.baseModel);
  const base = await readModelFolder(folder);
  return base.ok
    ? runnable(base.model)
    : `An adapter runs on its base, ${basename(folder)}, which is not beside it: put that model into ${folder}.`;
}
