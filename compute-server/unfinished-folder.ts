/** Where runs keep what they have made so far: layers of head statistics, captions and answers. */
import { join } from 'node:path';
import { hashName, OwnFolder } from '../files/own-folder';
import type { Form } from '../files/remove';

/** Finished layers; captions and answers have an ending. */
export const unfinishedLayers: Form = { files: hashName };
const form: Form = { files: /^[0-9a-f]{24}(\.(captions|answers)\.jsonl)?$/ };

export const unfinishedFolder = (cacheFolder: string): OwnFolder =>
  new OwnFolder(cacheFolder, 'headscope-unfinished', form);

/** Where earlier versions kept them: they are read, and nothing is written there. */
export const earlierUnfinished = (cacheFolder: string): string => join(cacheFolder, 'unfinished');
