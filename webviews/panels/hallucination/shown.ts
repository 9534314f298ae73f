/** What of the state is on the screen: the picture, the step, the caption, the heads of the map. Pure. */
import type { OpenedImage } from '../../../protocol/compute/hallucination';
import type { FirstStep } from '../../../protocol/panels/hallucination';
import type { Caption } from '../../../protocol/results/hallucination-schema';
import type { PerHead } from '../../../protocol/results/heads';
import type { HeadPlace } from '../../../protocol/schema/written-form';
import type { State } from './state';

/** What the picture's place shows: the result's own, or before there is one the form's. */
export function pictureOf({ result, shownSetup, form, picture, shownPicture }: State): OpenedImage | undefined {
  if (result) return shownPicture;
  return (shownSetup ?? form)?.mode === 'span' ? undefined : picture;
}

/** What the map of divergences shows: the step of the selected token where it is known, else the first. */
export interface ShownStep extends FirstStep {
  readonly step: number;
  /** Mass of the step's query on what the second pass lacks; absent until the caption is whole. */
  readonly visualAttention?: PerHead;
}

export function stepOf(state: State): ShownStep | undefined {
  const { result, firstStep, step, token } = state;
  if (!result) return firstStep && { ...firstStep, step: 0 };
  const kept = token.variant === null ? result.steps?.find((one) => one.step === token.step) : undefined;
  const later = kept ?? (token.variant === null && step?.value?.step === token.step ? step.value : undefined);
  const shown = token.step > 0 && token.variant === null ? later : undefined;
  return shown ?? { ...result, step: 0 };
}

/** The caption that a token belongs to; while it is being written, the part so far. */
export function captionOf(
  state: State,
  variant: number | null,
): Pick<Caption, 'tokens' | 'mentions' | 'text' | 'stoppedAt'> {
  const { result, written } = state;
  const whole = variant === null ? result?.caption : result?.variants[variant];
  return whole ?? { tokens: written, mentions: [], text: written.map(({ text }) => text).join('') };
}

/** Heads whose attention is drawn: the selected one, or a set of the step that is shown. */
export function mapHeads(state: State): readonly HeadPlace[] {
  const { selected, view } = state;
  const shown = stepOf(state);
  if (!selected || !shown) return [];
  if (view.map === 'head') return [selected];
  const heads = shown.selected.flatMap((row, layer) =>
    row.flatMap((chosen, head) =>
      chosen && (view.map === 'all' || layer === selected.layer) ? [{ layer, head }] : [],
    ),
  );
  return heads.length > 0 ? heads : [selected];
}
