/** How wide a text is drawn. */

let measuring: CanvasRenderingContext2D | null | undefined;

/** Families as CSS names them, and the weight. */
export interface Face {
  readonly font: string;
  readonly weight?: number;
}

const plainFace: Face = { font: 'sans-serif' };

/** Width in pixels; an estimate where there is no canvas. */
export function textWidth(text: string, fontSize: number, { font, weight = 400 }: Face = plainFace): number {
  if (measuring === undefined) {
    measuring = typeof document === 'undefined' ? null : document.createElement('canvas').getContext('2d');
  }
  if (!measuring) return text.length * fontSize * 0.56;
  measuring.font = `${weight} ${fontSize}px ${font}`;
  return measuring.measureText(text).width * 1.05;
}
