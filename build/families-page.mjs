// npm run manifest: docs/families.md lists the families that run, from the rows of models/formats/families.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { root } from './setup.mjs';

const load = createRequire(import.meta.url);
const { architectures, multimodalArchitectures, visionArchitectures } = load('../models/architectures/catalogue.ts');
const { familyById } = load('../models/formats/families/catalogue.ts');

const page = join(root, 'docs/families.md');
const mark = '<!-- npm run manifest writes what follows, from the rows of the families. -->';

const tableOf = (title, list) => {
  const rows = list
    .flatMap(({ families }) => families)
    .map((id) => familyById(id))
    .sort((one, other) => one.title.localeCompare(other.title, 'en'))
    .map((family) => `| ${family.title} | ${family.modelTypes.map((type) => `\`${type}\``).join(', ')} |`);
  return `## ${title}\n\n| Family | \`model_type\` |\n| --- | --- |\n${rows.join('\n')}\n`;
};

/** The page as it should be: what stands before the mark, and a table for each kind. */
export async function familiesPageText() {
  const [before] = readFileSync(page, 'utf8').split(mark);
  const tables = [
    tableOf('Text', architectures),
    tableOf('Pictures in a text', multimodalArchitectures),
    tableOf('Vision encoders', visionArchitectures),
  ];
  const text = `${before}${mark}\n\n${tables.join('\n')}`;
  return format(text, { ...(await resolveConfig(page)), parser: 'markdown' });
}

export async function writeFamiliesPage() {
  writeFileSync(page, await familiesPageText());
}
