/** Draws the picture, what is read from its patches, and its sinks on a canvas: on the screen and for export alike. */
import type { ImageSpan } from '../../../protocol/schema/parts';
import { cividis, css } from '../../charts/colour-map';
import { hatch } from '../../charts/hatch';
import type { Theme } from '../../ui/theme';
import type { MapModel } from './map-model';
import type { Patch } from './picture-layout';

export interface DrawnPicture {
  readonly image: Pick<ImageSpan, 'width' | 'height'>;
  /** Absent: not decoded yet, or not by this browser. */
  readonly bitmap: ImageBitmap | undefined;
  readonly model: MapModel | undefined;
  readonly overlay: 'both' | 'picture' | 'map';
  /** CSS pixels of one pixel of the picture. */
  readonly scale: number;
}

export function drawPicture(context: CanvasRenderingContext2D, drawn: DrawnPicture, theme: Theme): void {
  const { image, bitmap, model, overlay, scale } = drawn;
  const [width, height] = [image.width * scale, image.height * scale];
  context.fillStyle = theme.background;
  context.fillRect(0, 0, width, height);
  if (bitmap && overlay !== 'map') {
    context.imageSmoothingEnabled = scale < 3;
    context.drawImage(bitmap, 0, 0, width, height);
  }
  if (!model?.values || overlay === 'picture') return;
  for (const patch of model.patches) {
    if (model.sinks.has(patch.token)) drawSink(context, patch, scale, theme);
    else drawValue(context, patch, scale, model, overlay === 'map');
  }
}

function drawValue(
  context: CanvasRenderingContext2D,
  patch: Patch,
  scale: number,
  { values, high }: MapModel,
  opaque: boolean,
): void {
  const share = high > 0 ? (values?.[patch.token] ?? 0) / high : 0;
  // Over the picture its own colours stay recognisable, under the largest value too: captions name them.
  context.fillStyle = css(cividis(share), opaque ? 1 : 0.15 + 0.5 * Math.sqrt(share));
  // Half a pixel more than the patch where nothing shines through: neighbours leave no seam.
  const more = opaque ? 0.5 : 0;
  context.fillRect(patch.x * scale, patch.y * scale, patch.width * scale + more, patch.height * scale + more);
}

function drawSink(context: CanvasRenderingContext2D, patch: Patch, scale: number, theme: Theme): void {
  const box = [patch.x * scale, patch.y * scale, patch.width * scale, patch.height * scale] as const;
  context.fillStyle = css([0, 0, 0], 0.55);
  context.fillRect(...box);
  hatch(context, ...box, '#ffffff');
  if (box[2] < 14 || box[3] < 14) return;
  context.font = `600 ${Math.min(13, box[3] * 0.6)}px ${theme.font}`;
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  context.lineWidth = 3;
  context.strokeStyle = '#000000';
  context.fillStyle = '#ffffff';
  const [x, y] = [box[0] + box[2] / 2, box[1] + box[3] / 2];
  context.strokeText('S', x, y);
  context.fillText('S', x, y);
}

/** White in black: seen on every colour. */
export function frame(context: CanvasRenderingContext2D, patch: Patch, scale: number, thick: number): void {
  for (const [colour, width] of [
    ['#000000', thick + 2],
    ['#ffffff', thick],
  ] as const) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.strokeRect(patch.x * scale + 1, patch.y * scale + 1, patch.width * scale - 2, patch.height * scale - 2);
  }
}
