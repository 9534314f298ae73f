import { isDeepStrictEqual } from 'node:util';
import type * as vscode from 'vscode';
import type { Demos } from '../../protocol/analysis/next-start';
import type { AnalysisSetup } from '../../protocol/analysis/schema';
import type { ModelIndex } from '../models/model-index';
import { fileOfModel, modelPath } from '../models/model-path';
import { imageType } from '../panels/image-folder';
import { headsStart, pictureStart } from '../panels/workbench/look-start';
import { openLook, type WorkbenchPanels } from '../panels/workbench/workbench';
import { uriOf } from './arguments';
import { headLinkOf } from './head-link';
import { modelFolder } from './model-folder';
import type { Handlers } from './register';

interface LookParts {
  readonly workbench: WorkbenchPanels;
  readonly models: ModelIndex;
  readonly demos: () => Demos;
}

export const lookCommands = (
  parts: LookParts,
): Pick<Handlers, 'headscope.showHeads' | 'headscope.showHallucination'> => ({
  'headscope.showHeads': (target, link) => showHeads(parts, target, link),
  'headscope.showHallucination': (target, link) => showHallucination(parts, target, link),
});

/** Look at a prompt, for a config, a folder, or the model in the workbench; `link` names a prompt and a head. */
async function showHeads({ workbench, models, demos }: LookParts, target: unknown, link: unknown): Promise<void> {
  const { prompt: text, select } = headLinkOf(link);
  const named = localFile(target, 'weights are read from local files. Open a model from a local folder.');
  const folder = named === undefined ? undefined : await modelFolder(models, named);
  const encoder = folder !== undefined && (await readsPicturesAlone(models, folder));
  const plan = headsStart(workbench.plan, demos(), { folder, text, encoder });
  await openLook(workbench, { plan: changed(workbench.plan, plan), select });
}

/** Look at the picture of a prompt, for a picture, a config, a folder, or what stands in the workbench. */
async function showHallucination(
  { workbench, models, demos }: LookParts,
  target: unknown,
  link: unknown,
): Promise<void> {
  const { prompt: text, select } = headLinkOf(link);
  const named = localFile(target, 'pictures and weights are read from local files. Choose a local one.');
  const image = named !== undefined && imageType(named.fsPath) !== undefined ? named.fsPath : undefined;
  const folder = named === undefined || image !== undefined ? undefined : await modelFolder(models, named);
  const sees = await seesPictures(models, workbench.plan.folder, demos());
  const plan = pictureStart(workbench.plan, demos(), { folder, text, image, sees });
  await openLook(workbench, { plan: changed(workbench.plan, plan), select });
}

/** Undefined where the request stays: what is half typed in it stays too. */
function changed(before: AnalysisSetup, plan: AnalysisSetup): AnalysisSetup | undefined {
  const request = ({ folder, input, interventions }: AnalysisSetup): unknown => [folder, input, interventions];
  return isDeepStrictEqual(request(before), request(plan)) ? undefined : plan;
}

/** Undefined from the palette. */
function localFile(target: unknown, why: string): vscode.Uri | undefined {
  const named = uriOf(target)?.with({ fragment: '' });
  if (named !== undefined && named.scheme !== 'file')
    throw new Error(`${named.toString()} is not on this machine, and ${why}`);
  return named;
}

async function seesPictures(models: ModelIndex, folder: string, { vision }: Demos): Promise<boolean> {
  if (folder === vision.folder) return true;
  const found = await models.find();
  return found.models.some((model) => model.vision && modelPath(model.uri) === folder);
}

/** A vision encoder that stands alone. */
async function readsPicturesAlone(models: ModelIndex, folder: string): Promise<boolean> {
  const { parts = [] } = (await models.describe(fileOfModel(folder))) ?? {};
  return parts.length > 0 && parts.every(({ role }) => role === 'vision');
}
