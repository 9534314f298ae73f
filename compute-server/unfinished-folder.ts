/** Where runs of the Hallucination panel keep the captions that they have made so far. */
import { join } from 'node:path';
import { OwnFolder } from '../files/own-folder';
import type { Form } from '../files/remove';

/** Layers of heads and answers about pictures as versions before 2026-12 kept them: nothing goes on from them. */
export const abandoned: Form = { files: /^[0-9a-f]{24}(\.answers\.jsonl)?$/ };
const form: Form = { files: /^[0-9a-f]{24}(\.(captions|answers)\.jsonl)?$/ };

export const unfinishedFolder = (cacheFolder: string): OwnFolder =>
  new OwnFolder(cacheFolder, 'headscope-unfinished', form);

/** Where earlier versions kept them: they are read, and nothing is written there. */
export const earlierUnfinished = (cacheFolder: string): string => join(cacheFolder, 'unfinished');
