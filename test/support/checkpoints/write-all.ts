/** Writes every tiny random checkpoint below a folder, for tools outside the tests: `npx tsx test/support/checkpoints/write-all.ts FOLDER`. */
import { join } from 'node:path';
import { tinyModels, writeTinyModel } from './tiny-models';
import { writeVisionTokenizer } from './tokenizers';
import { tinyVlms, writeProcessor } from './tiny-vision';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Name a folder to write to.');
for (const tiny of tinyModels) {
  for (const type of ['F32', 'BF16'] as const) {
    writeTinyModel(join(folder, `${tiny.name}, ${type}`.replaceAll(/[^\w-]+/g, '-')), tiny, type);
  }
}
for (const tiny of tinyVlms) {
  const at = join(folder, tiny.name.replaceAll(/[^\w-]+/g, '-'));
  writeTinyModel(at, tiny);
  writeProcessor(at, tiny);
  writeVisionTokenizer(at);
}
