/** Messages of the extension to the editor of a cache plan. */
import type { Plan } from '../plans/plan-file';
import type { EditedFile } from './opened-file';

export interface ToPlanPanel extends EditedFile<Plan> {
  /** Forms that a plan can be written in, for the menu. */
  readonly formats: readonly { readonly id: string; readonly title: string; readonly extension: string }[];
}
