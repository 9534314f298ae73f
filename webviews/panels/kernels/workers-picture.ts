/**
 * `<hs-workers>`: which worker computes which block of queries and keys, step by step of the ring. Queries down, keys across;
 * the pieces of the chosen step are strong, those of earlier ones faint, and each shows the number of its worker.
 */
import { html } from 'lit';
import type { WorkerPiece, MechanismView } from '../../../protocol/compute/mechanism-view';
import { css, inkOn, mix, parseColour } from '../../charts/colour-map';
import { darkHues, lightHues } from '../../charts/palette';
import { count } from '../../ui/numbers';
import { freshContext, PictureElement } from '../../ui/picture-element';
import { properties } from '../../ui/properties';

const margin = { left: 58, top: 8, right: 8, bottom: 34 };

export class WorkersPicture extends PictureElement {
  static override properties = properties(['view', 'causal'], ['step']);

  declare view: MechanismView | undefined;
  /** Keys after a query are hidden. */
  declare causal: boolean;
  declare private step: number | undefined;

  private get pieces(): readonly WorkerPiece[] {
    return this.view?.workerPieces ?? [];
  }

  private get steps(): number {
    return Math.max(0, ...this.pieces.map(({ step }) => step)) + 1;
  }

  private get chosen(): number {
    return Math.min(this.steps - 1, this.step ?? 0);
  }

  protected override drawNow(): void {
    const { view, theme } = this;
    const canvas = this.querySelector('canvas');
    const context = freshContext(canvas);
    if (!canvas || !context || !view) return;
    const across = canvas.clientWidth - margin.left - margin.right;
    const side = Math.min(across / view.keys, (canvas.clientHeight - margin.top - margin.bottom) / view.queries);
    const [width, height] = [side * view.keys, side * view.queries];
    const ground = parseColour(theme.dark ? '#2a2a2a' : '#f1f1f1');
    const hues = theme.dark ? darkHues : lightHues;
    context.fillStyle = css(ground);
    context.fillRect(margin.left, margin.top, width, height);
    context.font = `${theme.fontSize}px ${theme.font}`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    for (const { worker, step, queries, keys } of this.pieces) {
      if (step > this.chosen) continue;
      const hue = parseColour(hues[worker % hues.length] ?? hues[0]);
      const colour = step === this.chosen ? hue : mix(ground, hue, 0.3);
      for (const rows of queries) {
        for (const columns of keys) {
          // Causality hides a piece that lies after its queries as a whole.
          if (this.causal && columns.start >= rows.end) continue;
          const [x, y] = [margin.left + columns.start * side, margin.top + rows.start * side];
          const [w, h] = [(columns.end - columns.start) * side, (rows.end - rows.start) * side];
          const below = this.causal && columns.end > rows.start + 1;
          context.fillStyle = css(colour);
          context.beginPath();
          if (below) {
            // The part of the piece on and under the diagonal.
            context.moveTo(x, y);
            context.lineTo(x + w, y + h);
            context.lineTo(x, y + h);
            context.closePath();
          } else context.rect(x, y, w, h);
          context.fill();
          context.strokeStyle = css(ground);
          context.stroke();
          context.fillStyle = inkOn(colour);
          if (Math.min(w, h) > 2 * theme.fontSize) {
            context.fillText(String(worker + 1), x + w * (below ? 0.3 : 0.5), y + h * (below ? 0.7 : 0.5));
          }
        }
      }
    }
    context.strokeStyle = theme.muted;
    context.strokeRect(margin.left - 0.5, margin.top - 0.5, width + 1, height + 1);
    context.fillStyle = theme.muted;
    context.font = `${theme.fontSize - 2}px ${theme.font}`;
    for (const quarter of [0, 0.25, 0.5, 0.75, 1]) {
      // The last number ends with the picture, so that nothing of it is cut off.
      context.textAlign = quarter === 1 ? 'right' : 'center';
      context.fillText(count(Math.round(view.keys * quarter)), margin.left + width * quarter, margin.top + height + 9);
      context.textAlign = 'right';
      context.fillText(count(Math.round(view.queries * quarter)), margin.left - 5, margin.top + height * quarter);
    }
    context.textAlign = 'center';
    context.fillText('key position', margin.left + width / 2, margin.top + height + 24);
    context.save();
    context.translate(9, margin.top + height / 2);
    context.rotate(-Math.PI / 2);
    context.fillText('query position', 0, 0);
    context.restore();
  }

  private words(): string {
    const now = this.pieces.filter(({ step }) => step === this.chosen);
    const span = (ranges: WorkerPiece['keys']): string =>
      ranges.map(({ start, end }) => `${count(start)}–${count(end - 1)}`).join(' and ');
    return `Step ${count(this.chosen + 1)} of ${count(this.steps)}. ${now
      .map(({ worker, queries, keys }) => `Worker ${count(worker + 1)}: queries ${span(queries)}, keys ${span(keys)}`)
      .join('; ')}.`;
  }

  override render() {
    return html`<div class="pattern-frame" role="img" aria-label=${this.words()}><canvas></canvas></div>
      <label class="tile-slider"
        ><span>Ring step ${count(this.chosen + 1)} of ${count(this.steps)}</span>
        <input
          type="range"
          min="0"
          max=${this.steps - 1}
          .value=${String(this.chosen)}
          ?disabled=${this.steps === 1}
          aria-label="Ring step"
          @input=${(event: Event) => (this.step = Number((event.target as HTMLInputElement).value))}
      /></label>
      <div class="pattern-readout muted">${this.words()}</div>`;
  }
}

customElements.define('hs-workers', WorkersPicture);
