/** Plans in files: read with a sentence on what is wrong, and written. */
import { writeFile } from 'node:fs/promises';
import { checkPlan, planText, type Plan } from '../../protocol/plans/plan-file';
import { CommandError, exitCodes, wrongUsage } from './exit-codes';
import { jsonFile } from './text-files';

export async function readPlan(path: string): Promise<Plan> {
  const checked = checkPlan(await jsonFile(path));
  if (!checked.ok) throw wrongUsage(`${path} is not a cache plan: ${checked.why}`);
  return checked.result;
}

export async function writeText(path: string, text: string): Promise<void> {
  try {
    await writeFile(path, text);
  } catch (error) {
    throw new CommandError(
      exitCodes.failed,
      `${path} could not be written (${error instanceof Error ? error.message : String(error)}). Choose another file.`,
    );
  }
}

export const writePlan = (path: string, plan: Plan): Promise<void> => writeText(path, planText(plan));
