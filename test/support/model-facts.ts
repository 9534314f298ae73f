/** The facts of a model configuration as the language server gives them, without a server: the same functions in this process. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { checkFile } from '../../language-server/service/check';
import { noFacts } from '../../language-server/service/folder-facts';
import { modelFacts } from '../../language-server/service/model-facts';
import { readModelFile } from '../../language-server/service/model-file';
import type { ModelFacts } from '../../protocol/language/requests';
import type { ShownModel } from '../../protocol/panels/model';

const workspace = join(__dirname, '../../examples/workspace');

/** Facts of a model whose configuration is given as text or as an object. */
export function factsOfConfig(name: string, config: unknown): ModelFacts {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  const uri = pathToFileURL(join(workspace, name, 'config.json')).href;
  const file = readModelFile(uri, text);
  const folder = { ...noFacts, name };
  const facts = modelFacts(file, folder, checkFile(file, folder));
  if (facts === null) throw new Error(`${name} describes no model.`);
  return facts;
}

export const exampleConfig = (name: string): string => readFileSync(join(workspace, name, 'config.json'), 'utf8');

/** A model of the example workspace, as the extension hands it to the panel. */
export const exampleModel = (name: string): ShownModel => shownModel(name, exampleConfig(name));

export const shownModel = (label: string, config: unknown): ShownModel => ({
  label,
  path: `${label}/config.json`,
  facts: factsOfConfig(label, config),
});
