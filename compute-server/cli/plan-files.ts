/** Plans in files, read with a sentence on what is wrong. */
import { checkPlan, type Plan } from '../../protocol/plans/plan-file';
import { wrongUsage } from './exit-codes';
import { jsonFile } from './text-files';

export async function readPlan(path: string): Promise<Plan> {
  const checked = checkPlan(await jsonFile(path));
  if (!checked.ok) throw wrongUsage(`${path} is not a cache plan: ${checked.why}`);
  return checked.result;
}
