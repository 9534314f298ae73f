/** A cache plan for a form that runs a model: one of the saved ones, or a file from elsewhere, as one intervention. */
import * as vscode from 'vscode';
import type { Plan } from '../../../protocol/plans/plan-file';
import { pickAmong } from '../../platform/quick-pick';
import type { ResultLibrary } from '../../results/result-library';
import { listedName } from '../../results/result-words';
import { Sentence } from '../questions';
import { fitsModel, type ChoosePlan } from './apply-plan';
import { readPlan } from './dialogs';

/** Those for the model come first. */
export const planChooser =
  (library: ResultLibrary): ChoosePlan =>
  async (model) => {
    const choices = library.readable('plan').then((saved) => [
      ...saved
        .filter((file) => model === undefined || fitsModel(file.saved, model))
        .map((file) => ({
          label: listedName(file.listing.created, file.name),
          description: file.listing.description,
          plan: file.saved,
        })),
      { label: '$(folder-opened) Choose a File…', description: '', plan: undefined },
    ]);
    const choice = await pickAmong(choices, {
      title: 'Apply a Plan',
      placeHolder: model === undefined ? 'A cache plan' : `A cache plan for ${model.name}`,
      reading: 'Reading the saved plans',
      matchOnDescription: true,
    });
    if (choice === undefined) return undefined;
    const plan = choice.plan ?? (await fromFile());
    if (plan !== undefined && model !== undefined && !fitsModel(plan, model)) {
      throw new Sentence(
        `The plan is for ${plan.heads.length} layers of ${plan.heads[0]?.length ?? 0} key/value heads, and ${model.name} has ${model.layers} of ${model.kvHeads}. Choose another plan.`,
      );
    }
    return plan;
  };

async function fromFile(): Promise<Plan | undefined> {
  const [file] =
    (await vscode.window.showOpenDialog({
      filters: { 'Headscope cache plan': ['json'] },
      openLabel: 'Apply',
      title: 'Apply a Plan',
    })) ?? [];
  return file && readPlan(file);
}
