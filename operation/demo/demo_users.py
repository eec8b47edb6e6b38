"""Demo users: the names in the demo."""

from __future__ import annotations

VISITOR = "visitor"
"""The user whose token the demo prints. The demo itself never acts as this user."""

OPERATOR = "maya"
"""The operator of the demo's dashboard."""

NAMES = (
    "Amara Okafor", "Björn Lindqvist", "Chiara Ferrari", "Daichi Watanabe", "Elif Yıldız", "Femi Adeyemi",
    "Greta Hoffmann", "Hana Nováková", "Ibrahim Haddad", "Jing Wei", "Kavya Raman", "Liam O’Connor",
    "Mei-Ling Chen", "Nikolai Petrov", "Olga Kowalska", "Pedro Álvarez", "Quynh Tran", "Ravi Menon",
    "Sofía Morales", "Tomasz Zieliński", "Uma Krishnan", "Viktor Horváth", "Wanjiru Kamau", "Ximena Rojas",
    "Yusuf Demir", "Zofia Wójcik", "Anton Becker", "Beatriz Souza", "Cormac Byrne", "Dalia Mansour",
    "Emeka Nwosu", "Fatima Zahra", "Giulia Conti", "Henrik Dahl", "Inés Castillo", "Jakub Dvořák",
    "Keiko Tanaka", "Leila Farahani", "Mateus Lima", "Noor van Dijk", "Oluwaseun Bello", "Priya Sharma",
    "Rasmus Nielsen", "Saoirse Kelly", "Thandiwe Mokoena", "Ulrich Baumann", "Valentina Rossi", "Wiremu Parata",
    "Xiulan Zhao", "Yara Khalil", "Zeynep Kaya", "Aiko Mori", "Bashir Karimi", "Camille Laurent",
    "Dmitri Volkov", "Esther Wambui", "Finn Gallagher", "Gabriela Cruz", "Hye-jin Park", "Isak Johansen",
)  # fmt: skip
