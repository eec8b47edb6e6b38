/** What examples/react-native uses of React Native, by its documentation. */

import type { ReactElement, ReactNode } from "react";

interface Style {
  flex?: number;
  opacity?: number;
  padding?: number;
}

export function View(props: { style?: Style; children?: ReactNode }): ReactElement;

export function Text(props: {
  style?: Style;
  accessibilityLiveRegion?: "none" | "polite" | "assertive";
  children?: ReactNode;
}): ReactElement;

export function TextInput(props: {
  value?: string;
  placeholder?: string;
  onChangeText?: (text: string) => void;
  autoCapitalize?: "none" | "sentences" | "words" | "characters";
  secureTextEntry?: boolean;
}): ReactElement;

export function Button(props: { title: string; onPress?: (event: unknown) => void }): ReactElement;

export function FlatList<Item>(props: {
  data: ArrayLike<Item> | null | undefined;
  keyExtractor?: (item: Item, index: number) => string;
  renderItem: (given: { item: Item; index: number }) => ReactElement | null;
  style?: Style;
}): ReactElement;

export const AppState: {
  addEventListener(
    type: "change",
    listener: (state: "active" | "background" | "inactive" | "unknown" | "extension") => void,
  ): { remove(): void };
};
