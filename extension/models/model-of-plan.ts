/** The model that a cache plan is tried on: a plan names it by name and hash, not by folder. */
import { basename, dirname } from 'node:path';
import * as vscode from 'vscode';
import type { ModelFacts } from '../../protocol/language/requests';
import type { Plan } from '../../protocol/plans/plan-file';
import { whyNotRun } from './model-choices';
import type { ModelIndex } from './model-index';
import { modelName } from './model-names';
import { modelPath } from './model-path';
import { realFolder } from './real-folder';

export interface FoundModel {
  readonly folder: string;
  readonly label: string;
}

/** As many layers, and as many key/value heads in each. */
function fits({ heads }: Pick<Plan, 'heads'>, { parts }: Pick<ModelFacts, 'parts'>): boolean {
  return parts.some(
    ({ layers, role }) =>
      role === 'decoder' &&
      layers.length === heads.length &&
      layers.every(({ kvHeads }, index) => kvHeads === heads[index]?.length),
  );
}

/**
 * The model beside the plan, or the one model of its name; else the person chooses among those of as many layers and key/value
 * heads. `demo`: the model that comes with the extension. Undefined when the person cancels.
 */
export async function modelOfPlan(
  plan: Plan,
  beside: vscode.Uri,
  models: ModelIndex,
  demo: string,
): Promise<FoundModel | undefined> {
  const config = vscode.Uri.joinPath(beside, '..', 'config.json');
  const configs = [
    config,
    ...(await models.find()).models.flatMap(({ uri, other }) =>
      other === undefined || other.kind === 'gguf' ? [uri] : [],
    ),
    vscode.Uri.file(`${demo}/config.json`),
  ];
  const unique = new Map(configs.filter(({ scheme }) => scheme === 'file').map((uri) => [modelPath(uri), uri]));
  const found = await Promise.all(
    [...unique].map(async ([folder, uri]): Promise<readonly FoundModel[]> => {
      const facts = await models.describe(uri).catch(() => null);
      const runs = facts !== null && whyNotRun(facts, basename(folder)) === undefined;
      return runs && fits(plan, facts) ? [{ folder, label: modelName(folder) }] : [];
    }),
  );
  const fitting = found.flat();
  if (fitting.length === 0) {
    throw new Error(
      `There is no model of ${plan.heads.length} layers with the key/value heads of this plan, which is for ${plan.model.name}. Add its folder in the Models view.`,
    );
  }
  const own = realFolder(dirname(beside.fsPath));
  const named = fitting.filter(({ label }) => label === plan.model.name || basename(label) === plan.model.name);
  const [sure] = [fitting.filter(({ folder }) => folder === own), named].find((some) => some.length === 1) ?? [];
  if (sure !== undefined) return sure;
  const choice = await vscode.window.showQuickPick(
    fitting.map((model) => ({ label: model.label, description: model.folder, model })),
    { title: `Model for a Plan of ${plan.model.name}`, placeHolder: 'A model with as many layers and key/value heads' },
  );
  return choice?.model;
}
