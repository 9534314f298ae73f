// npm run manifest: docs/analyses/README.md lists the analyses of the catalogue by group, each with its question and a link to its page.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formatted } from './formatted.mjs';
import { root } from './setup.mjs';

const load = createRequire(import.meta.url);
const { analyses, experiments } = load('../diagnostics/catalogue.ts');
const { analysisGroups, groupTitles } = load('../protocol/analysis/analysis.ts');

const page = join(root, 'docs/analyses/README.md');
const mark = '<!-- npm run manifest writes what follows, from the catalogue. -->';

const tableOf = (group) => {
  const rows = [...analyses, ...experiments]
    .filter((analysis) => analysis.group === group)
    .map(({ id, title, question }) => `| [${title}](${id}.md) | \`${id}\` | ${question} |`);
  return `## ${groupTitles[group]}\n\n| Analysis | Id | Question |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
};

/** The page as it should be: what stands before the mark, and a table for each group. */
export async function analysesIndexText() {
  const [before] = readFileSync(page, 'utf8').split(mark);
  const text = `${before}${mark}\n\n${analysisGroups.map(tableOf).join('\n')}`;
  return formatted(page, text);
}

export async function writeAnalysesIndex() {
  writeFileSync(page, await analysesIndexText());
}
