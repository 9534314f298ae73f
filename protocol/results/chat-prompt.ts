/** A prompt that was put into the chat template of its model: what the model really read, and why. */
export interface ChatPrompt {
  /** As the template rendered it, before the image token is widened to the tokens of the picture. */
  readonly text: string;
  /** `asked`: the person chose the template; `no-image-token`: a picture came with a text that has no place for it. */
  readonly why: 'asked' | 'no-image-token';
}

/** One line for stderr or the status of a panel; undefined where the person asked for the template and knows it. */
export const chatPromptWords = (chat: ChatPrompt | undefined): string | undefined =>
  chat?.why === 'no-image-token'
    ? `The prompt has no image token, so it went through the chat template of the model: ${JSON.stringify(chat.text)}.`
    : undefined;
