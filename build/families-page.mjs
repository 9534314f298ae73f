// npm run manifest: docs/families.md lists the families that run, from the rows of models/formats/families.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formatted } from './formatted.mjs';
import { root } from './setup.mjs';

const load = createRequire(import.meta.url);
const { architectures, multimodalArchitectures, visionArchitectures } = load('../models/architectures/catalogue.ts');
const { describeModel } = load('../models/formats/describe-model.ts');
const { families, familyById } = load('../models/formats/families/catalogue.ts');

const page = join(root, 'docs/families.md');
const mark = '<!-- npm run manifest writes what follows, from the rows of the families. -->';

const familiesOf = (list) => list.flatMap((each) => each.families).map((id) => familyById(id));

const tableOf = (title, list) => {
  const rows = list
    .sort((one, other) => one.title.localeCompare(other.title, 'en'))
    .map((family) => `| ${family.title} | ${family.modelTypes.map((type) => `\`${type}\``).join(', ')} |`);
  return `## ${title}\n\n| Family | \`model_type\` |\n| --- | --- |\n${rows.join('\n')}\n`;
};

/** The page as it should be: what stands before the mark, and a table for each kind. */
export async function familiesPageText() {
  const [before] = readFileSync(page, 'utf8').split(mark);
  const whole = new Set(multimodalArchitectures.flatMap((each) => each.families));
  const texts = new Set(architectures.flatMap((each) => each.families));
  const runsText = ({ modelTypes: [type] }) => texts.has(describeModel({ model_type: type }).parts[0]?.family);
  const textAlone = families.filter((family) => family.textAlone && !whole.has(family.id) && runsText(family));
  const tables = [
    tableOf('Text', familiesOf(architectures)),
    tableOf('Pictures in a text', familiesOf(multimodalArchitectures)),
    tableOf('Text of models with pictures or sound', textAlone),
    tableOf('Vision encoders', familiesOf(visionArchitectures)),
  ];
  const text = `${before}${mark}\n\n${tables.join('\n')}`;
  return formatted(page, text);
}

export async function writeFamiliesPage() {
  writeFileSync(page, await familiesPageText());
}
