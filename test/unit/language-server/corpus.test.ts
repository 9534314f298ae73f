import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkFile } from '../../../language-server/service/check';
import { noFacts } from '../../../language-server/service/folder-facts';
import { readModelFile, readStrictly } from '../../../language-server/service/model-file';
import { FolderReader, readText } from '../../../language-server/workspace/folder-reader';
import { corpus, corpusFolders, otherPrograms } from '../../support/corpus';
import { ruleCases } from './rule-cases';
import { findingsOf, unmark } from './caret';

/** Faults that files of the corpus really have, each looked at by a person: the folder, the severity and the rule. */
const trueFaults: readonly string[] = [
  // A trimmed config for a unit test: text sizes of 32 layers beside the cross-attention layers of a model of 40.
  'mllama--nxdi-mllama-unit warning layer-number',
  // A toy of three vision layers that keeps the layer numbers of the whole model.
  'qwen3_vl_moe--VeOmni-qwen3vlmoe_toy warning vision-feature-layer',
];

/** Models of the corpus of which no family knows the whole or a part, by what is not known. A family that is added takes its folders out. */
const withoutFamily: ReadonlyMap<string, string> = new Map([
  ['SegformerForSemanticSegmentation--RMBG-1.4', 'convolutions under the class of another model'],
  ['cogvlm2--cogvlm2-llama3-caption', 'EVA of another form, as the tower'],
  ['flowstate--hf_granite-flowstate-small', 'a state space model of time series'],
  ['qwen2_5_omni--Qwen2.5-Omni', 'the diffusion transformer that makes sound'],
]);

/** Whether a JSON file describes a model: `undefined` where it is no config, else whether a family knows all of its parts. */
const isKnown = async (path: string): Promise<boolean | undefined> => {
  const { kind, description } = readModelFile(pathToFileURL(path).href, await readText(path));
  if (kind !== 'config' || description === undefined) return undefined;
  return [description, ...description.parts].every(({ family }) => family !== 'generic');
};

/** What is said of the JSON files of a folder with severity or a fix that a person would have to dispute, were it wrong. */
const disputable = async (folder: string): Promise<readonly string[]> => {
  const reader = new FolderReader();
  const facts = await reader.facts(folder);
  const told: string[] = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    const path = join(folder, name);
    const file = readModelFile(pathToFileURL(path).href, await readText(path));
    for (const { code, severity, message, fixes } of checkFile(file, facts)) {
      // A fix that `headscope check --fix` makes unasked would change a good file.
      const isChanged = fixes.some(({ certain }) => certain === true);
      if (severity === 'error' || severity === 'warning' || isChanged)
        told.push(`${basename(folder)} ${severity} ${code}: ${name}: ${message}`);
    }
  }
  return told;
};

describe('valid files', () => {
  if (corpusFolders.length > 0) {
    it(`published: ${corpusFolders.length} models get no error and no warning`, async () => {
      const told: string[] = [];
      for (const name of corpusFolders) told.push(...(await disputable(join(corpus, name))));
      const isTrue = (line: string): boolean => trueFaults.some((fault) => line.startsWith(`${fault}: `));
      assert.deepEqual(
        told.filter((line) => !isTrue(line)),
        [],
      );
      for (const fault of trueFaults)
        assert.ok(
          told.some((line) => line.startsWith(`${fault}: `)),
          `nothing says: ${fault}`,
        );
    });
    it('published: every config.json of a model is recognised and described', async () => {
      const unknown: string[] = [];
      for (const name of corpusFolders) {
        const path = join(corpus, name, 'config.json');
        if (!existsSync(path)) continue;
        const file = readModelFile(pathToFileURL(path).href, await readText(path));
        if (file.kind !== 'config' || file.description === undefined) unknown.push(name);
      }
      const expected = [...otherPrograms.keys()];
      assert.deepEqual(unknown, expected.filter((name) => existsSync(join(corpus, name, 'config.json'))).toSorted());
    });
    it('published: at most 8 % of the models are read by their keys alone, or not at all', async () => {
      const models = corpusFolders.filter((name) => !otherPrograms.has(name));
      const left: string[] = [];
      for (const name of models) {
        const all = readdirSync(join(corpus, name)).filter((file) => file.endsWith('.json'));
        // Other libraries name their files as they like.
        const files = all.includes('config.json') ? ['config.json'] : all;
        const found = await Promise.all(files.map((file) => isKnown(join(corpus, name, file))));
        if (found.includes(false) || !found.includes(true)) left.push(name);
      }
      assert.deepEqual(left, [...withoutFamily.keys()]);
      assert.ok(left.length / models.length <= 0.08, `${left.length} of ${models.length}`);
    });
    it('published: files of other programs are left alone, and read when they are named', () => {
      for (const [name, reads] of otherPrograms) {
        for (const file of readdirSync(join(corpus, name))) {
          const path = join(corpus, name, file);
          const { kind } = readStrictly(pathToFileURL(path).href, readFileSync(path));
          assert.equal(kind, undefined, `${path} is read by ${reads}`);
        }
      }
      const path = join(corpus, 'deepseek_ref--DeepSeek-V3.2-Exp-671B', 'config_671B_v3.2.json');
      const named = readStrictly(pathToFileURL(path).href, readFileSync(path), { isAsked: true });
      assert.equal(named.kind, 'config');
      const claims = checkFile(named, noFacts).filter(({ severity }) => severity === 'error' || severity === 'warning');
      assert.deepEqual(claims, []);
    });
  }
  it("the example workspace's good models get no error and no warning", async () => {
    const root = join('examples', 'workspace');
    const good = readdirSync(root, { withFileTypes: true }).filter(
      (entry) =>
        entry.isDirectory() && !entry.name.startsWith('faulty') && existsSync(join(root, entry.name, 'config.json')),
    );
    assert.ok(good.length >= 2);
    for (const { name } of good) assert.deepEqual(await disputable(join(root, name)), []);
  });
  for (const [code, { silent }] of Object.entries(ruleCases)) {
    it(`the valid files of ${code} get nothing from it`, () => {
      for (const one of silent) {
        const [text, beside] = typeof one === 'string' ? [one, undefined] : one;
        assert.deepEqual(
          findingsOf(unmark(text).text, beside).filter((finding) => finding.code === code),
          [],
        );
      }
    });
  }
});
