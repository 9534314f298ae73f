/** Where versions before 2026-12 kept layers of heads, answers about pictures and captions: nothing goes on from them. */
import { OwnFolder } from '../files/own-folder';
import type { Form } from '../files/remove';

export const abandoned: Form = { files: /^[0-9a-f]{24}(\.(captions|answers)\.jsonl)?$/ };

export const unfinishedFolder = (cacheFolder: string): OwnFolder =>
  new OwnFolder(cacheFolder, 'headscope-unfinished', abandoned);
