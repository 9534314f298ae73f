import * as vscode from 'vscode';
import type { Demos } from '../../protocol/analysis/next-start';
import { planIntervention } from '../../protocol/interventions/plan';
import { newPlan } from '../../protocol/plans/edit';
import type { Plan } from '../../protocol/plans/plan-file';
import { plannedModel } from '../../protocol/plans/plan-from';
import type { ModelSummary } from '../../protocol/schema/parts';
import { activeConfig, chooseModel } from '../models/choose-model';
import type { ModelIndex } from '../models/model-index';
import { modelOfPlan } from '../models/model-of-plan';
import { headsStart } from '../panels/workbench/look-start';
import { openLook, type WorkbenchPanels } from '../panels/workbench/workbench';
import { setupFor as formOf } from '../panels/workbench/default-setup';
import { evaluationOf, planEvaluation } from '../panels/workbench/plan-evaluation';
import { importPlan, readPlan, savePlan } from '../panels/plan/dialogs';
import type { AnalysisCatalogue } from '../platform/analysis-catalogue';
import type { Compute } from '../platform/compute';
import { ask } from '../platform/notify';
import { chooseResult } from '../results/choose-result';
import type { ResultLibrary } from '../results/result-library';
import { uriOf } from './arguments';
import { modelFolder } from './model-folder';
import type { Handlers } from './register';

type PlanCommand =
  | 'headscope.newPlan'
  | 'headscope.importPlan'
  | 'headscope.showHeadsWithPlan'
  | 'headscope.evaluatePlan';

export interface PlanCommandParts {
  readonly models: ModelIndex;
  readonly library: ResultLibrary;
  readonly compute: Pick<Compute, 'openModel'>;
  readonly workbench: WorkbenchPanels;
  readonly catalogue: AnalysisCatalogue;
  readonly demos: () => Demos;
}

export const planCommands = (parts: PlanCommandParts): Pick<Handlers, PlanCommand> => ({
  'headscope.newPlan': async (argument) => {
    const model = await modelFor(parts, argument, 'New Cache Plan');
    if (model === undefined) return;
    const { layers, kvHeads } = model;
    const plan = newPlan({ title: 'New plan', model: plannedModel(model), layers, kvHeads, ...made() });
    await savePlan(plan, model.folder);
  },
  'headscope.importPlan': async (argument) => {
    const model = await modelFor(parts, argument, 'Import a Cache Plan');
    if (model === undefined) return;
    const { layers, kvHeads } = model;
    const imported = await importPlan({ model: plannedModel(model), layers, kvHeads, ...made() });
    if (imported !== undefined) await savePlan(imported.plan, imported.folder);
  },
  'headscope.showHeadsWithPlan': async (argument) => {
    const chosen = await planFor(parts, argument, 'Show Heads with a Plan');
    if (chosen === undefined) return;
    const { folder, plan } = chosen;
    const { workbench, demos } = parts;
    const start = headsStart(workbench.plan, demos(), { folder });
    await openLook(workbench, { plan: { ...start, interventions: [planIntervention(plan.heads)] } });
  },
  'headscope.evaluatePlan': async (argument) => {
    const { workbench, catalogue, demos } = parts;
    const analysis = catalogue.of(planEvaluation);
    if (analysis === undefined) throw new Error('This version of Headscope does not evaluate plans.');
    const chosen = await planFor(parts, argument, 'Evaluate a Plan');
    if (chosen === undefined || !(await isSaved(chosen.uri))) return;
    const { folder, uri } = chosen;
    const form = formOf(analysis, workbench.plan, demos(), {
      from: catalogue.of(workbench.plan.analysis),
      tasks: catalogue.tasks,
    });
    await workbench.open({ plan: evaluationOf(analysis, form, { folder, file: uri.fsPath }) });
  },
});

const made = () => ({ created: new Date().toISOString(), headscope: String(process.env['HEADSCOPE_VERSION']) });

/** The model of a config or a folder, of the config in the editor, or one that the person chooses. */
async function modelFor(
  { models, compute }: PlanCommandParts,
  argument: unknown,
  title: string,
): Promise<ModelSummary | undefined> {
  const uri = uriOf(argument) ?? (await activeConfig(models)) ?? (await chooseModel(models, title, 'configs'));
  return uri === undefined ? undefined : compute.openModel(await modelFolder(models, uri));
}

/** The plan in a file that a menu or the editor names, or that the person chooses, with the model to try it on. */
async function planFor(
  { library, models, demos }: PlanCommandParts,
  argument: unknown,
  title: string,
): Promise<{ readonly uri: vscode.Uri; readonly plan: Plan; readonly folder: string } | undefined> {
  const uri = uriOf(argument) ?? (await chooseResult(library.listOf('plan'), title))?.uri;
  if (uri === undefined) return undefined;
  const plan = await readPlan(uri);
  const model = await modelOfPlan(plan, uri, models, demos().text);
  return model && { uri, plan, folder: model.folder };
}

/** An evaluation reads the file, not the editor. */
async function isSaved(uri: vscode.Uri): Promise<boolean> {
  const open = vscode.workspace.textDocuments.find((document) => document.uri.toString() === uri.toString());
  if (open?.isDirty !== true) return true;
  const choice = await ask('Save the plan before it is evaluated?', 'The evaluation reads the file.', 'Save');
  return choice === 'Save' && open.save();
}
