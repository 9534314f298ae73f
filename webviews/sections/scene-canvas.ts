/** Paints a scene on a canvas. */
import type { Mark, Scene } from './scene';

export function paintScene(context: CanvasRenderingContext2D, scene: Scene): void {
  for (const mark of scene.marks) {
    context.save();
    paint(context, mark);
    context.restore();
  }
}

function paint(context: CanvasRenderingContext2D, mark: Mark): void {
  switch (mark.kind) {
    case 'rect':
      context.globalAlpha = mark.opacity ?? 1;
      if (mark.fill !== undefined) {
        context.fillStyle = mark.fill;
        context.fillRect(mark.x, mark.y, mark.width, mark.height);
      }
      if (mark.stroke !== undefined) {
        context.strokeStyle = mark.stroke;
        context.lineWidth = mark.lineWidth ?? 1;
        context.strokeRect(mark.x, mark.y, mark.width, mark.height);
      }
      return;
    case 'path': {
      context.globalAlpha = mark.opacity ?? 1;
      context.translate(mark.x ?? 0, mark.y ?? 0);
      context.scale(mark.scale ?? 1, mark.scale ?? 1);
      const path = new Path2D(mark.d);
      if (mark.fill !== undefined) {
        context.fillStyle = mark.fill;
        context.fill(path);
      }
      if (mark.stroke !== undefined) {
        context.strokeStyle = mark.stroke;
        context.lineWidth = (mark.lineWidth ?? 1) / (mark.scale ?? 1);
        if (mark.dash) context.setLineDash([...mark.dash]);
        context.stroke(path);
      }
      return;
    }
    case 'text':
      context.translate(mark.x, mark.y);
      if (mark.turn !== undefined) context.rotate((mark.turn * Math.PI) / 180);
      context.font = `${mark.weight ?? 400} ${mark.size}px ${mark.font}`;
      context.textAlign = mark.anchor === 'middle' ? 'center' : (mark.anchor ?? 'start');
      context.direction = 'ltr';
      if (mark.halo !== undefined) {
        context.strokeStyle = mark.halo;
        context.lineWidth = 3;
        context.lineJoin = 'round';
        context.strokeText(mark.text, 0, 0);
      }
      context.fillStyle = mark.fill;
      context.fillText(mark.text, 0, 0);
      return;
    case 'pixels':
      if (mark.columns === 0 || mark.rows === 0) return;
      context.imageSmoothingEnabled = false;
      context.drawImage(rasterOf(mark), mark.x, mark.y, mark.width, mark.height);
      return;
    case 'pieces': {
      if (mark.columns === 0 || mark.rows === 0) return;
      context.imageSmoothingEnabled = false;
      context.translate(mark.x ?? 0, mark.y ?? 0);
      const raster = rasterOf(mark);
      const { side } = mark;
      for (const { column, row, x, y, width, height } of mark.pieces)
        context.drawImage(raster, column, row, side, side, x, y, width, height);
      return;
    }
    case 'clipped': {
      const { x, y, width, height } = mark.box;
      context.translate(mark.x ?? 0, mark.y ?? 0);
      context.beginPath();
      context.rect(x, y, width, height);
      context.clip();
      paintScene(context, { width, height, marks: mark.marks });
      return;
    }
    case 'picture':
      context.imageSmoothingEnabled = mark.sharp !== true;
      drawPart(context, mark);
      return;
    case 'svg':
      return;
  }
}

function drawPart(context: CanvasRenderingContext2D, mark: Extract<Mark, { kind: 'picture' }>): void {
  const { picture, part = { x: 0, y: 0, width: 1, height: 1 } } = mark;
  const { width, height } = picture.image;
  context.drawImage(
    picture.image,
    part.x * width,
    part.y * height,
    part.width * width,
    part.height * height,
    mark.x,
    mark.y,
    mark.width,
    mark.height,
  );
}

const rasters = new WeakMap<Uint8ClampedArray<ArrayBuffer>, HTMLCanvasElement>();

/** Drawn once, however often the cursor moves over it. */
export function rasterOf({ columns, rows, rgba }: Extract<Mark, { kind: 'pixels' | 'pieces' }>): HTMLCanvasElement {
  const known = rasters.get(rgba);
  if (known) return known;
  const canvas = document.createElement('canvas');
  canvas.width = columns;
  canvas.height = rows;
  canvas.getContext('2d')?.putImageData(new ImageData(rgba, columns, rows), 0, 0);
  rasters.set(rgba, canvas);
  return canvas;
}
